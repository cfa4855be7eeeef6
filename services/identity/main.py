"""Runs identity: settings -> store -> service -> serve."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from plait.clock import Clock, SystemClock
from plait.data.database import Database
from plait.data.url import DatabaseUrlError
from plait.ids import NewId, new_id
from plait.mesh.interceptors.audit import Act, audit
from plait.service import serve
from plait.settings import settings_from_environment
from services.identity.audit import event
from services.identity.beginning import Beginning, FirstAdmin
from services.identity.delivery import Delivery, Mail
from services.identity.entrance import Entrance
from services.identity.hashing import Hasher
from services.identity.keys import Signer, new_key
from services.identity.lockout import sign_ups
from services.identity.passwords import WeakPassword, check_password
from services.identity.providers.smtp import SmtpMail, SmtpServer
from services.identity.service import IdentityService
from services.identity.settings import IdentitySettings
from services.identity.sql.store import sql_store
from services.identity.store import Store
from services.identity.sweep import Sweep
from services.identity.vault import Vault
from shop.identity.v1.identity_pb2_grpc import add_IdentityServiceServicer_to_server

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The parts of the service that run."""

    service: IdentityService
    store: Store
    beginning: Beginning
    delivery: Delivery
    sweep: Sweep
    hasher: Hasher
    database: Database
    clock: Clock
    new_id: NewId

    async def deliver(self) -> None:
        """Bring letters to people, once there is a database to bring them from."""
        await self.beginning.over.wait()
        await self.delivery.run()

    async def tidy(self) -> None:
        """Remove what has expired, once there is a database to remove it from."""
        await self.beginning.over.wait()
        await self.sweep.run()

    async def keep(self, done: Act) -> None:
        """Keep an act that was refused (`plait.mesh.interceptors.audit`)."""
        await self.store.events.record(event(done, self.new_id(), self.clock.now()))

    async def close(self) -> None:
        """Give everything back."""
        self.hasher.close()
        await self.database.close()


def build(  # noqa: PLR0913 - what a test may put in place of the usual
    settings: IdentitySettings,
    database: Database,
    *,
    clock: Clock,
    new_id: NewId,
    mail: Mail,
    hasher: Hasher,
) -> Identity:
    """Return the service, built from these parts."""
    store = sql_store(database)
    vault = Vault(settings.identity_secret.get_secret_value().encode())
    signer = Signer(vault, clock, issuer=settings.user_issuer, audience=settings.user_audience)
    delivery = Delivery(store.letters, mail, vault=vault, clock=clock, sender=settings.smtp_sender)
    entrance = Entrance(
        store,
        hasher=hasher,
        vault=vault,
        signer=signer,
        clock=clock,
        new_id=new_id,
        sign_ups=sign_ups(settings.identity_sign_ups),
        wake=delivery.wake,
    )
    beginning = Beginning(
        store,
        database_ready=database.ready,
        vault=vault,
        signer=signer,
        hasher=hasher,
        clock=clock,
        new_id=new_id,
        admin=_first_admin(settings),
    )
    return Identity(
        service=IdentityService(
            store,
            entrance,
            clock=clock,
            new_id=new_id,
            new_key=lambda state: new_key(vault, state, clock.now()),
        ),
        store=store,
        beginning=beginning,
        delivery=delivery,
        sweep=Sweep(store.remains, clock),
        hasher=hasher,
        database=database,
        clock=clock,
        new_id=new_id,
    )


def main() -> None:
    """Serve until told to stop.

    Raises:
        SystemExit: a setting cannot be used; with a sentence.
    """
    settings = settings_from_environment(IdentitySettings)
    _check_admin(settings)
    try:
        database = Database(settings.database_url, migrations=MIGRATIONS)
    except DatabaseUrlError as error:
        raise SystemExit(f"DATABASE_URL: {error}") from error
    identity = build(
        settings,
        database,
        clock=SystemClock(),
        new_id=new_id,
        mail=SmtpMail(SmtpServer.parse(settings.smtp_url)),
        hasher=Hasher(),
    )

    serve(
        settings,
        partial(add_IdentityServiceServicer_to_server, identity.service),
        name="identity",
        ready=identity.beginning.ready,
        on_close=identity.close,
        background=[identity.beginning.run, identity.deliver, identity.tidy],
        observers=[audit(identity.keep)],
    )


def _first_admin(settings: IdentitySettings) -> FirstAdmin | None:
    password = settings.identity_admin_password.get_secret_value()
    if not password:
        return None
    return FirstAdmin(email=settings.identity_admin_email, password=password)


def _check_admin(settings: IdentitySettings) -> None:
    admin = _first_admin(settings)
    if admin is None:
        return
    try:
        check_password(admin.password, email=admin.email, field="IDENTITY_ADMIN_PASSWORD")
    except WeakPassword as error:
        raise SystemExit(error.message) from None


if __name__ == "__main__":
    main()
