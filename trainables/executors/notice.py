"""Whether the machine of this process is about to be taken away, as Ray has been told (a spot notice, a drain)."""

import time
from dataclasses import dataclass, field

import ray
from ray._private.state import state as cluster_state

POLL_SECONDS = 2.0
"""How often the cluster's head is asked; a spot notice comes 30 to 120 s ahead."""


@dataclass
class Notice:
    """Call it to ask; once true it stays true. `given` may be set by who knows otherwise."""

    given: bool = False
    _asked: float = field(default=float("-inf"), repr=False)

    def __call__(self) -> bool:
        """Tell whether this machine leaves; asks the head at most every `POLL_SECONDS`."""
        now = time.monotonic()
        if not self.given and now - self._asked >= POLL_SECONDS:
            self._asked = now
            self.given = self._here() in cluster_state.get_draining_nodes()
        return self.given

    @staticmethod
    def _here() -> str:
        return str(ray.get_runtime_context().get_node_id())
