"""Channel gates that see the image only, put at the residual blocks of a backbone; one file and one registration each.

Importing this package registers them all.
"""

from models.gates import zoom_se
from models.gates.base import GATES, ChannelGate, attach_gate, gate_parameters
from models.gates.zoom_se import ZoomSE, attach_zoom_se

__all__ = ["GATES", "ChannelGate", "ZoomSE", "attach_gate", "attach_zoom_se", "gate_parameters", "zoom_se"]
