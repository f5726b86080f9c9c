"""Who is held out: by a hash, so that the answer is the same everywhere, for ever, and without a table.

A subject's point on [0, 1) is SHA-256 over the experiment's salt and version and the subject's opaque key. Arms are
consecutive parts of that line. Another salt or version deals anew, independently of the first.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

from kiki.kit.errors import InvalidInput

HOLDOUT = "holdout"
TREATED = "treated"
MILLION = 1_000_000
_PURPOSE = b"kiki/experiment/assignment"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Assignment:
    """One subject's arm in one version of an experiment."""

    experiment: str
    version: int
    subject: str
    arm: str
    point: float
    """Where on [0, 1) the subject fell; for people, the arm follows from exact integers."""

    @property
    def is_held_out(self) -> bool:
        return self.arm == HOLDOUT


@dataclass(frozen=True, slots=True)
class Split:
    """How an experiment deals its subjects: arms in order, with shares in parts per million that sum to a million.

    A share that grows while its arm stays first keeps every subject that it had: a hold-out may be enlarged without
    moving anybody out of it.
    """

    salt: str
    arms: tuple[tuple[str, int], ...]
    version: int = 1

    def __post_init__(self) -> None:
        if not self.salt or len(self.salt) > _LONGEST:
            raise InvalidInput(f"a salt has 1 to {_LONGEST} characters, got {len(self.salt)}", reason="BAD_SALT")
        if not 1 <= self.version < 2**32:
            raise InvalidInput(f"a version is a number from 1, got {self.version}", reason="BAD_VERSION")
        names = [name for name, _ in self.arms]
        if len(names) < 2 or len(set(names)) < len(names) or not all(map(_NAME.fullmatch, names)):
            shown = ", ".join(names)
            raise InvalidInput(
                f"an experiment has two or more arms with names of their own, got {shown}", reason="BAD_ARMS"
            )
        shares = [share for _, share in self.arms]
        if min(shares) <= 0 or sum(shares) != MILLION:
            raise InvalidInput(
                f"shares are positive parts per million that sum to {MILLION}, got {shares}", reason="BAD_SHARE"
            )

    def share_of(self, arm: str) -> float:
        """The share of an arm, a fraction."""
        return dict(self.arms)[arm] / MILLION

    def assign(self, subject: str) -> Assignment:
        """The arm of a subject, named by an opaque key: a hash or a number, never an address."""
        point = self._point(subject)
        bucket = point * MILLION >> 64
        bounds = list(accumulate((share for _, share in self.arms), initial=0))
        arm = next(
            name for (name, _), (low, high) in zip(self.arms, pairwise(bounds), strict=True) if low <= bucket < high
        )
        return Assignment(self.salt, self.version, subject, arm, point / 2**64)

    def count(self, subjects: Iterable[str]) -> dict[str, int]:
        """How many of the subjects fall into each arm."""
        counted = Counter(self.assign(subject).arm for subject in subjects)
        return {name: counted[name] for name, _ in self.arms}

    def _point(self, subject: str) -> int:
        if not subject or len(subject) > _LONGEST or "@" in subject:
            raise InvalidInput(
                f"a subject is an opaque key of 1 to {_LONGEST} characters, never a mail address", reason="BAD_SUBJECT"
            )
        digest = hashlib.sha256(_PURPOSE)
        for part in (self.salt.encode(), self.version.to_bytes(4, "big"), subject.encode()):
            digest.update(len(part).to_bytes(4, "big"))
            digest.update(part)
        return int.from_bytes(digest.digest()[:8], "big")


def holdout_split(salt: str, share_ppm: int, version: int = 1) -> Split:
    """A hold-out of so many parts per million; everybody else is treated."""
    if not 0 < share_ppm < MILLION:
        raise InvalidInput(f"a hold-out is 1 to {MILLION - 1} parts per million, got {share_ppm}", reason="BAD_SHARE")
    return Split(salt, ((HOLDOUT, share_ppm), (TREATED, MILLION - share_ppm)), version)


def share_in_ppm(share: float) -> int:
    """A fraction as parts per million; `InvalidInput` where it is not one, or is finer than that."""
    ppm = round(share * MILLION)
    if not 0 < ppm < MILLION or abs(share * MILLION - ppm) > 1e-3:
        raise InvalidInput(
            f"a share is a fraction between 0 and 1 in whole millionths, got {share!r}", reason="BAD_SHARE"
        )
    return ppm
