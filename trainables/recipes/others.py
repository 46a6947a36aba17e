"""Training procedures of the other papers, as far as they are stated, with their architectures where they have one.

The shared-network paper (Tang & Lasser, arXiv 2403.19203) states none that was found; TFormer, its nearest public
implementation, stands in.
"""

from trainables.recipes.recipe import Adjustment, Recipe

ZOOME = Recipe(
    name="zoome",
    source="Xing et al., ZooME, EMBC 2021",
    sections={
        "backbone": {
            "name": "resnext50_32x4d",
            "weights": "hub",
            "frozen_stages": 0,
            "gate": "zoom-se",
            "gate_reduction": 16,
            "gate_pool": 4,
            "gate_position": "after",
        },
        "image": {"size": [224, 224]},
        "augmentation": {"scale": [1.0, 1.25], "rotation": 30, "flip_horizontal": 0.5},
        "metadata": {"fields": ["age", "sex", "site"], "encoding": "impute"},
        "fusion": {"name": "metadata-embedding", "activation": "sigmoid"},
        "head": {"threshold": "youden"},
        "loss": {"name": "focal", "gamma": 2.0, "alpha": 0.25},
        "training": {
            "epochs": 50,
            "batch_size": 64,
            "optimiser": "adam",
            "learning_rate": 1e-4,
            "inner_share": 0.1,
        },
    },
    note="For two classes, melanoma second, in ten folds. The crop about the centre to 0.8 to 1 of the side is an "
    "enlargement by 1 to 1.25. Inferred: 50 epochs, pretrained weights, imputation, the reduction 16, the sigmoids of "
    "both gates, 1024 hidden features at 2048 channels, and the threshold, which the paper must have tuned "
    "(sensitivity and specificity of 85 % at 1.8 % melanomas): here by Youden's index inside the training folds.",
)

SOFT_ATTENTION = Recipe(
    name="soft-attention",
    source="Nguyen, Bui & Do, Sensors 2022, 22, 7530, and its notebooks",
    sections={
        "backbone": {"name": "densenet201", "weights": "hub", "frozen_stages": 0},
        "image": {"size": [224, 224]},
        "metadata": {"fields": ["age", "sex", "site"], "encoding": "out-of-vocabulary"},
        "fusion": {"name": "soft-attention", "maps": 16, "branch_width": 4096, "dropout": 0.5},
        "loss": {"name": "weighted-cross-entropy", "class_weights": "balanced", "reduction": "mean"},
        "training": {
            "epochs": 250,
            "batch_size": 32,
            "optimiser": "adam",
            "learning_rate": 1e-3,
            "epsilon": 0.1,
            "schedule": "plateau",
            "factor": 0.2,
            "patience": 5,
            "minimum_rate": 1e-7,
            "monitor": "inner-loss",
            "early_stopping": 25,
            "restore_best": True,
            "inner_share": 0.1,
        },
    },
    adjust=(
        Adjustment(when={"backbone.name": ["inception_resnet_v2"]}, set={"image.size": [299, 299]}),
        Adjustment(when={"backbone.name": ["nasnetalarge"]}, set={"image.size": [331, 331]}),
    ),
    note="Epochs, batch and the 25 epochs of early stopping as in the journal, the schedule's patience and the watched "
    "loss as in the notebooks (the text watches accuracy). The notebooks stop, choose and report on the same 996 "
    "images; here an inner part of the training folds is watched. The attention sits on the last map of every "
    "backbone, not at the notebooks' layer numbers; its convolution is the 2-D one that the paper means. The paper's "
    "best figures (InceptionResNetV2 .90, DenseNet201 .89) are of runs without the schedule (training.schedule: "
    "constant). Metadata are its 21 values; the 57 images without age, which it drops, are kept with the mean age. "
    "Inferred: pretrained weights. Pixels are normalised as the backbone's weights want them.",
)

METABLOCK = Recipe(
    name="metablock",
    source="Pacheco & Krohling, MetaBlock, 2021, and its code (paaatcha/MetaBlock, commit e283174)",
    sections={
        "backbone": {"name": "resnet50", "weights": "hub", "frozen_stages": 0},
        "image": {"size": [224, 224]},
        "augmentation": {
            "flip_horizontal": 0.5,
            "flip_vertical": 0.2,
            "rotation": 120,
            "scale": [1.0, 2.0],
            "affine_probability": 0.25,
        },
        "loss": {"name": "weighted-cross-entropy", "class_weights": "frequency", "reduction": "weighted-mean"},
        "training": {
            "epochs": 150,
            "batch_size": 30,
            "optimiser": "sgd",
            "learning_rate": 1e-3,
            "momentum": 0.9,
            "nesterov": False,
            "weight_decay": 1e-3,
            "schedule": "plateau",
            "factor": 0.1,
            "patience": 10,
            "minimum_rate": 1e-6,
            "monitor": "inner-loss",
            "early_stopping": 15,
            "restore_best": True,
            "inner_share": 0.1,
        },
    },
    note="For the comparison with MetaBlock's peers; metadata.fields are the cohort's. Rotation and "
    "enlargement happen together here, apart in the code; blur, pixel dropout and the colour shifts are "
    "left out. Inferred: the inner share, no Nesterov momentum.",
)

FUSIONM4NET = Recipe(
    name="fusionm4net",
    source="Tang et al., FusionM4Net, and its code (pixixiaonaogou/MLSDR)",
    sections={
        "backbone": {"name": "resnet50", "weights": "hub", "frozen_stages": 0},
        "image": {"size": [224, 224]},
        "augmentation": {
            "flip_horizontal": 0.5,
            "flip_vertical": 0.5,
            "quarter_turns": 0.5,
            "translation": 0.0625,
            "scale": [0.5, 1.5],
            "rotation": 45,
            "affine_probability": 0.5,
            "brightness": [0.8, 1.2],
            "contrast": [0.8, 1.2],
            "colour_probability": 0.5,
        },
        "head": {"dropout": 0.3},
        "loss": {"name": "cross-entropy"},
        "training": {
            "epochs": 250,
            "batch_size": 32,
            "optimiser": "adam",
            "learning_rate": 3e-5,
            "schedule": "cosine",
        },
    },
    note="For derm7pt with both images and eight targets. Inferred: the range of brightness and contrast. Its "
    "weight averaging over the last 50 epochs, second stage and test-time augmentation are not part of "
    "the recipe.",
)

TFORMER = Recipe(
    name="tformer",
    source="TFormer and its code (zylbuaa/TFormer)",
    sections={
        "backbone": {"name": "swin_tiny_patch4_window7_224", "weights": "hub", "frozen_stages": 0},
        "image": {"size": [224, 224]},
        "loss": {"name": "cross-entropy"},
        "training": {
            "epochs": 100,
            "batch_size": 32,
            "optimiser": "adam",
            "learning_rate": 1e-4,
            "weight_decay": 1e-4,
            "schedule": "cosine",
        },
    },
    note="For derm7pt with both images and eight targets; the nearest public implementation to a shared "
    "network. Inferred: 224 pixels, pretrained weights. Its augmentation is not known to us, so there is "
    "none.",
)

SSN = Recipe(
    name="ssn",
    source="Tang & Lasser, Single-Shared Network, arXiv 2403.19203, trained as TFormer",
    sections={
        **TFORMER.sections,
        "modalities": {"heads": "separate", "attention": "shared", "attention_stages": [1, 2, 3, 4]},
        "loss": {"name": "cross-entropy", "bias": 0.7, "favoured": "dermoscopy"},
    },
    note="For derm7pt with both images and eight targets: one encoder and one cross-attention module for both images, "
    "heads for each, and a loss that favours dermoscopy. The paper's training, its weights of the loss and the stages "
    "that have attention were not found: inferred, the training and the stages from TFormer, the weight 0.7.",
)
