"""What open trials need on this node, computed once with all its cores: frozen features, or pixels to fine-tune on."""

from collections.abc import Iterable
from typing import NamedTuple

from analysis.ledger import digest
from searchspace.plan import Plan
from trainables.configuration import Configuration
from trainables.environment import device_for
from trainables.images import open_pixels
from trainables.images.pixels import Tick, pixels_identity
from trainables.network import check_fusion, share_encoder
from trainables.node_cache import is_cached
from trainables.planning import TrialContext


class Network(NamedTuple):
    """Channels per image and map size of a backbone, and its parameters (0: its features were there already)."""

    channels: int
    map_size: tuple[int, int]
    parameters: int = 0


_networks: dict[str, Network] = {}
"""Those that this process has looked at: building one takes seconds."""


def check_networks(context: TrialContext, configurations: Iterable[Configuration]) -> None:
    """Build every distinct backbone once, unless its features are cached, and see that every fusion takes its maps.

    Raises:
        InputError: an unknown name, an image size it cannot take, weights that do not fit, too many frozen stages, an
            encoder that cannot be shared as asked, or a fusion that its maps do not suit.
    """
    n_images = len(context.cohort.image_names)
    for configuration in configurations:
        if configuration.uses_image:
            channels, map_size, _ = network_of(context, configuration)
            separate = configuration.modalities.separate
            check_fusion(configuration, channels if separate else n_images * channels, map_size)


def network_of(context: TrialContext, configuration: Configuration) -> Network:
    """Return what the backbone of a configuration gives, building it unless this process has seen it.

    Raises:
        InputError: as `check_networks`.
    """
    built = [configuration.input_size, context.features_of(configuration).weights_identity]
    cohort = [context.cohort.fingerprint, len(context.cohort.image_names)]
    shared = [configuration.modalities.canonical(), configuration.feature_kind]
    what = digest([*built, *cohort, *shared, configuration.backbone.model_dump(mode="json")])
    if what not in _networks:
        _networks[what] = _built(context, configuration, len(context.cohort.image_names))
    return _networks[what]


def _built(context: TrialContext, configuration: Configuration, n_images: int) -> Network:
    """Build the backbone, unless its features are cached, and freeze and share it as the configuration says."""
    source = context.features_of(configuration)
    if not configuration.fine_tuned and source.is_cached(context.cache):
        shape = source.open(context.cache, workers=1).shape
        return Network(shape[1] // n_images, (shape[2], shape[3]))
    backbone = source.build_backbone(configuration.input_size)
    if configuration.fine_tuned:
        backbone.freeze(int(configuration.backbone.frozen_stages))
        share_encoder(configuration, backbone, n_images)
    pooled = not configuration.fine_tuned and configuration.feature_kind == "pooled"
    parameters = sum(parameter.numel() for parameter in backbone.parameters())
    return Network(backbone.channels, (1, 1) if pooled else backbone.map_size, parameters)


def without_download(configuration: Configuration) -> Configuration:
    """Return the configuration with random weights in place of the hub's: of the same size, and there at once."""
    if configuration.backbone.weights != "hub":
        return configuration
    backbone = configuration.backbone.model_copy(update={"weights": "none"})
    return configuration.model_copy(update={"backbone": backbone})


def prepare_node(
    context: TrialContext, configurations: Iterable[Configuration], workers: int, tick: dict[str, Tick]
) -> None:
    """Compute what the configurations read on this node, with all its cores, so that no trial waits for it.

    `tick` holds callbacks for the stages `images` and `features`.
    """
    for configuration in distinct_inputs(context, configurations):
        if configuration.fine_tuned:
            open_pixels(context.cohort, configuration.image, context.cache, workers=workers, tick=tick["images"])
        else:
            source, device = context.features_of(configuration), device_for(context.on_gpu(configuration))
            source.open(context.cache, workers=workers, device=device, tick=tick.__getitem__)


def missing_inputs(plan: Plan) -> list[Configuration]:
    """Return one configuration for each set of inputs that the open trials need and this node does not have."""
    context = plan.context
    return [found for found in distinct_inputs(context, plan.to_prepare) if not _is_ready(context, found)]


def _is_ready(context: TrialContext, configuration: Configuration) -> bool:
    if configuration.fine_tuned:
        return is_cached(context.cache, "pixels", pixels_identity(context.cohort, configuration.image))
    return context.features_of(configuration).is_cached(context.cache)


def distinct_inputs(context: TrialContext, configurations: Iterable[Configuration]) -> list[Configuration]:
    """Return the last configuration of each distinct set of inputs; metadata alone need none."""
    seeing = [configuration for configuration in configurations if configuration.uses_image]
    return list({_inputs_of(context, configuration): configuration for configuration in seeing}.values())


def _inputs_of(context: TrialContext, configuration: Configuration) -> str:
    if configuration.fine_tuned:
        return digest(pixels_identity(context.cohort, configuration.image))
    return digest(context.features_of(configuration).identity)
