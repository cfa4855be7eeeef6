"""The mailbox of a local run: takes every mail by SMTP, keeps the newest, and sends nothing on."""
