"""The keys of a local run, made at the first start, and the tokens that they sign.

They prove something to the processes of this project on this machine only: nothing else has the
JWKS files that name them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from plait.clock import Clock
from plait.local.folders import Folders, write_private
from plait.local.mistake import Mistake
from plait.mesh.identity.tokens import sign_user_token, sign_workload_token

ADMIN = "users/dev-admin"
ADMIN_LIFE = timedelta(hours=12)
_USERS, _WORKLOADS = "users.json", "workloads.json"
_ANEW = "remove it, and `plait up` makes a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The private keys that sign users' and workloads' tokens."""

    users: OKPKey
    workloads: OKPKey
    clock: Clock

    @classmethod
    def load_or_make(cls, folders: Folders, clock: Clock) -> "Keys":
        """Read the keys, make those that are missing, and write the JWKS files of both.

        Raises:
            Mistake: a key file holds no key.
            OSError: a folder cannot be written.
        """
        keys = cls(
            users=_key(folders.keys / _USERS),
            workloads=_key(folders.keys / _WORKLOADS),
            clock=clock,
        )
        write_private(folders.user_jwks, _jwks(keys.users))
        write_private(folders.workload_jwks, _jwks(keys.workloads))
        return keys

    @classmethod
    def load(cls, folders: Folders, clock: Clock) -> "Keys":
        """Read the keys that the supervisor made.

        Raises:
            Mistake: there are none, or a file holds no key.
        """
        if not (folders.keys / _USERS).is_file():
            raise Mistake(
                f"there is no key in {folders.keys}, with which a local token is signed: run "
                "`plait up` here first; where plait up does not run, tokens come from the identity "
                "service"
            )
        return cls.load_or_make(folders, clock)

    def user_token(self, name: str, roles: Sequence[str], life: timedelta) -> str:
        """Return a token for the user `users/...`."""
        return sign_user_token(self.users, name, roles=roles, life=life, clock=self.clock)

    def admin_token(self) -> str:
        """Return a token of the local administrator, good for 12 hours."""
        return self.user_token(ADMIN, ["admin"], ADMIN_LIFE)

    def workload_token(self, name: str, callee: str, life: timedelta) -> str:
        """Return a token that proves to `callee` that the process `name` calls."""
        return sign_workload_token(self.workloads, name, callee, life=life, clock=self.clock)


def _key(path: Path) -> OKPKey:
    if not path.is_file():
        made = OKPKey.generate_key("Ed25519", auto_kid=True)
        write_private(path, json.dumps(made.as_dict(private=True)))
    try:
        key = OKPKey.import_key(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, JoseError) as error:
        raise Mistake(f"{path} holds no key: {error}; {_ANEW}") from error
    if not key.is_private or not key.kid:
        raise Mistake(f"{path} holds no private key with an id; {_ANEW}")
    return key


def _jwks(key: OKPKey) -> str:
    return json.dumps({"keys": [key.as_dict(private=False) | {"use": "sig", "alg": "Ed25519"}]})
