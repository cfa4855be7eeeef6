"""The key of a local run, made at the first start, and the workload tokens that it signs.

They prove something to the processes of this project on this machine only: nothing else has the
JWKS file that names it.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from plait.clock import Clock
from plait.local.folders import Folders, write_private
from plait.local.mistake import Mistake
from plait.mesh.identity.tokens import sign_workload_token

_WORKLOADS = "workloads.json"
_ANEW = "remove it, and `plait up` makes a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The private key that signs workloads' tokens."""

    workloads: OKPKey
    clock: Clock

    @classmethod
    def load_or_make(cls, folders: Folders, clock: Clock) -> "Keys":
        """Read the key, make it if it is missing, and write its JWKS file.

        Raises:
            Mistake: the key's file holds no key.
            OSError: a folder cannot be written.
        """
        keys = cls(workloads=_key(folders.keys / _WORKLOADS), clock=clock)
        write_private(folders.workload_jwks, _jwks(keys.workloads))
        return keys

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
