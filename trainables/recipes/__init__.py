"""Recipes: published training procedures by value, which a study names and then changes where it wants."""

from models.errors import InputError
from models.registry import did_you_mean
from trainables.recipes import metanet, others
from trainables.recipes.recipe import Adjustment, Recipe, as_configured

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        metanet.PAPER,
        metanet.CODE,
        metanet.COAUTHOR,
        others.ZOOME,
        others.SOFT_ATTENTION,
        others.METABLOCK,
        others.FUSIONM4NET,
        others.TFORMER,
        others.SSN,
    )
}


def find_recipe(name: str) -> Recipe:
    """Return the recipe of this name; InputError with the known names and the closest one when there is none."""
    if name not in RECIPES:
        raise InputError(f"recipe {name!r} is not known{did_you_mean(name, RECIPES)} (known: {', '.join(RECIPES)})")
    return RECIPES[name]


__all__ = ["RECIPES", "Adjustment", "Recipe", "as_configured", "find_recipe"]
