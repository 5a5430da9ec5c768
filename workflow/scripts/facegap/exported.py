"""Names under which faces are exported to a user's model, which say nothing of the face. Light."""

import hashlib
from collections.abc import Iterable


def exported_name(dataset: str, face_id: str, seed: int) -> str:
    """Sixteen hexadecimal digits, the same in every export of a study."""
    named = "\0".join((str(seed), dataset, face_id)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(named).hexdigest()[:16]


def face_by_name(dataset: str, face_ids: Iterable[str], seed: int) -> dict[str, str]:
    """The face_id by every name that outputs may use: the exported one, and itself."""
    ids = list(face_ids)
    return {**{exported_name(dataset, each, seed): each for each in ids}, **{i: i for i in ids}}
