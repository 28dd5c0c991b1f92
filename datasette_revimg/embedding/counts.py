"""How far a run has come, and where its time went."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Timing:
    """Where a run's time has gone, in seconds.

    ``network``, ``storing`` and ``waiting`` for pictures come one after the other; ``decoding`` is
    summed over the threads that do it meanwhile.
    """

    waiting: float = 0.0
    decoding: float = 0.0
    network: float = 0.0
    storing: float = 0.0


@dataclass
class Counts:
    """The pictures that a run has embedded, found unchanged and failed at so far, and its time.

    ``equal`` are those of the embedded ones that got the vector of another row's equal picture.
    ``seconds`` is set when the run ends, in which ``timing`` says where they went;
    ``codes_error`` when the codes that make searches fast
    couldn't be written: all vectors are stored nevertheless, and the next run makes the codes.
    """

    embedded: int = 0
    equal: int = 0
    unchanged: int = 0
    failed: int = 0
    seconds: float = 0.0
    timing: Timing = field(default_factory=Timing)
    codes_error: str = ""

    @property
    def computed(self) -> int:
        """How many pictures went through the network, each equal one once."""
        return self.embedded - self.equal
