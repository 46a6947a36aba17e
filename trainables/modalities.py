"""How the images of a sample (dermoscopy, clinical) share a network; settings for cohorts with several per sample.

The defaults join the maps of one shared encoder on the channel axis. The Single-Shared Network (Tang & Lasser, arXiv
2403.19203) has separate heads behind one encoder with shared cross-attention; its controls have individual ones.
"""

from typing import Any, Literal

from pydantic import Field, field_validator

from trainables.settings import Settings


class ModalitySettings(Settings):
    """`heads`: one classifier on the joined maps, or one per image, whose probabilities are averaged.

    `encoder`: one network for all images, or one each. `normalisation`: whether a shared encoder keeps one set of batch
    statistics or one per image. `attention`: cross-attention between the images after `attention_stages` (1 to 4, from
    the input on), by one module for all directions or one for each. `prediction`: average the heads alike, or with the
    weights of the biased loss.
    """

    heads: Literal["joint", "separate"] = "joint"
    encoder: Literal["shared", "individual"] = "shared"
    normalisation: Literal["shared", "split"] = "shared"
    attention: Literal["none", "shared", "individual"] = "none"
    attention_stages: tuple[int, ...] = Field(default=(3, 4), min_length=1)
    prediction: Literal["mean", "biased"] = "mean"

    @field_validator("attention_stages")
    @classmethod
    def _stages(cls, stages: tuple[int, ...]) -> tuple[int, ...]:
        if not set(stages) <= {1, 2, 3, 4} or len(set(stages)) < len(stages):
            raise ValueError(f"attention_stages={list(stages)} must be distinct stages from 1 to 4")
        return tuple(sorted(stages))

    @property
    def separate(self) -> bool:
        """Whether every image has heads of its own."""
        return self.heads == "separate"

    @property
    def active(self) -> bool:
        """Whether anything differs from joined maps of one shared encoder."""
        return bool(self.canonical())

    def canonical(self) -> dict[str, Any]:
        """Return the settings that have an effect and are not the defaults, as plain JSON; empty for the defaults."""
        effective = self.model_dump(mode="json")
        if self.attention == "none":
            del effective["attention_stages"]
        if self.encoder == "individual":
            del effective["normalisation"]
        if not self.separate:
            del effective["prediction"]
        kept = {name: value for name, value in effective.items() if value != type(self).model_fields[name].default}
        stages = {"attention_stages": list(self.attention_stages)} if self.attention != "none" else {}
        return kept | stages
