"""MetaNet's training in its three versions, which contradict each other: the paper, its code, and the co-author's code.

All use SENet154 unless a study says otherwise, pretrained on ImageNet and wholly fine-tuned, on HAM10000. Values are as
stated by the version's source except those marked as inferred.
"""

from typing import Any

from trainables.recipes.recipe import Adjustment, Recipe

PRETRAINED = {"name": "legacy_senet154", "weights": "hub", "frozen_stages": 0}
ALL_FIELDS = {"fields": ["age", "sex", "site"], "encoding": "impute"}
# Reproduces the seven weights in the code to their printed digits: (N - n) / n, normalised; torch's weighted mean.
WEIGHTED = {"name": "weighted-cross-entropy", "class_weights": "complement", "reduction": "weighted-mean"}
CONSTANCY = {"colour_constancy": "shades-of-grey", "power": 6.0}  # power inferred: the best of the paper's reference
MOVED: dict[str, Any] = {"rotation": 180, "translation": 0.1, "scale": [0.7, 1.3]}  # of both codes

LARGE_INPUT = Adjustment(
    when={"backbone.name": ["pnasnet5large", "pnasnet5large.tf_in1k", "nasnetalarge", "nasnetalarge.tf_in1k"]},
    set={"image.size": [441, 441], "augmentation.crop": [331, 331]},
)

PAPER = Recipe(
    name="metanet-paper",
    source="Li, Zhuang et al., Fusing metadata and dermoscopy images for skin disease diagnosis, ISBI 2020",
    sections={
        "backbone": PRETRAINED,
        "image": {"size": [300, 300], **CONSTANCY},
        "augmentation": {
            "crop": [224, 224],
            "evaluation": "centre-crop",  # inferred, from the code
            "flip_horizontal": 0.5,  # probabilities inferred
            "flip_vertical": 0.5,
            "brightness": [0.8, 1.2],  # ranges inferred
            "contrast": [0.8, 1.2],
            "saturation": [0.8, 1.2],
            "rotation": 180,  # "within certain ranges"; inferred, from both codes
        },
        "metadata": ALL_FIELDS,
        "fusion": {"name": "multiply"},
        "loss": WEIGHTED,  # the paper says "class-weighted"; formula inferred, from the code
        "training": {
            "epochs": 250,
            "batch_size": 32,
            "optimiser": "sgd",
            "learning_rate": 1e-3,
            "momentum": 0.9,
            "nesterov": False,  # inferred: not mentioned
            "weight_decay": 1e-4,
            "schedule": "step",
            "steps": [50, 120, 200],
            "factor": 0.1,
        },
    },
    adjust=(LARGE_INPUT,),
    note="Inferred: ranges and probabilities of the augmentation, the formula of the class weights, no "
    "Nesterov momentum, the centre crop in evaluation, Shades of Gray with p = 6. NASNet-A-Large is "
    "treated like PNASNet-5.",
)

CODE = Recipe(
    name="metanet-code",
    source="the code released with MetaNet (fatetail/MetaNet, commit 7669cd4)",
    sections={
        "backbone": PRETRAINED,
        "image": {"size": [300, 300], **CONSTANCY},
        "augmentation": {
            "crop": [224, 224],
            "evaluation": "centre-crop",
            "zoom": [0.8, 0.8],
            "zoom_probability": 0.5,
            "flip_horizontal": 0.5,
            "flip_vertical": 0.5,
            "skew": 0.2,  # amount inferred
            "skew_probability": 0.5,
            "quarter_turns": 0.5,
            "brightness": [0.8, 0.9],
            "saturation": [0.8, 0.9],
            "contrast": [0.8, 0.9],
            "colour_probability": 0.5,
            **MOVED,
        },
        "metadata": ALL_FIELDS,
        "fusion": {"name": "multiply"},
        "loss": WEIGHTED,
        "training": {
            "epochs": 300,  # inferred: 5000 in the code, ended by hand
            "batch_size": 36,
            "optimiser": "sgd",
            "learning_rate": 1e-3,
            "new_layer_factor": 10.0,
            "momentum": 0.9,
            "nesterov": True,
            "weight_decay": 1e-5,
            "schedule": "step",
            "steps": [165, 220, 275],
            "factor": 0.1,
        },
    },
    adjust=(LARGE_INPUT, Adjustment(when={"fusion.name": ["multiply"]}, set={"fusion.depth": 1})),
    note="Inferred: 300 epochs, the amount of skew, Shades of Gray, which the code expects to be done. Its "
    "turn by up to 5 degrees is left out: beside the one by up to 180 it changes no distribution. "
    "Normalisation is the backbone's, not the code's own mean and deviation; turned corners show the "
    "image around the crop, not black. The code drops samples with missing metadata, as its fold files "
    "do; other fold plans impute.",
)

COAUTHOR = Recipe(
    name="metanet-coauthor",
    source="the co-author's code (JiaxinZhuang/Skin-Lesion-Recognition.Pytorch, commit 3b59105)",
    sections={
        "backbone": PRETRAINED,
        "image": {"size": [300, 300], "colour_constancy": "none"},  # neither code has one
        "augmentation": {
            "crop": [224, 224],
            "evaluation": "resize",
            "flip_horizontal": 0.5,
            "flip_vertical": 0.5,
            "brightness": [0.98, 1.02],
            "contrast": [0.98, 1.02],
            "saturation": [0.98, 1.02],
            "hue": 0.01,
            **MOVED,
        },
        "metadata": ALL_FIELDS,
        "fusion": {"name": "multiply"},
        "loss": WEIGHTED,
        "training": {
            "epochs": 250,  # from here to the weight decay inferred, from the paper
            "batch_size": 32,
            "learning_rate": 1e-3,
            "momentum": 0.9,
            "nesterov": False,
            "weight_decay": 1e-4,
            "optimiser": "sgd",
            "schedule": "plateau",
            "factor": 0.1,
            "patience": 50,
            "monitor": "training-loss",
        },
    },
    adjust=(LARGE_INPUT,),
    note="Inferred, from the paper: epochs, batch, learning rate, momentum, weight decay. The code also offers"
    " Adam with amsgrad (training.optimiser=adam, training.amsgrad=true) and plain cross-entropy. Images "
    "without colour constancy, since the code has none.",
)
