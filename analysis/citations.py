"""The sources of the methods, by key, so that a table or a report can name what it used."""

CITATIONS: dict[str, str] = {
    "nadeau2003": "Nadeau C, Bengio Y. Inference for the generalization error. Machine Learning 52, 239-281, 2003.",
    "benavoli2017": (
        "Benavoli A, Corani G, Demsar J, Zaffalon M. Time for a change: a tutorial for comparing multiple classifiers "
        "through Bayesian analysis. Journal of Machine Learning Research 18(77), 1-36, 2017."
    ),
    "delong1988": (
        "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver operating "
        "characteristic curves: a nonparametric approach. Biometrics 44(3), 837-845, 1988."
    ),
    "ledell2015": (
        "LeDell E, Petersen M, van der Laan M. Computationally efficient confidence intervals for cross-validated area "
        "under the ROC curve estimates. Electronic Journal of Statistics 9(1), 1583-1607, 2015."
    ),
    "holm1979": (
        "Holm S. A simple sequentially rejective multiple test procedure. "
        "Scandinavian Journal of Statistics 6(2), 65-70, 1979."
    ),
    "bates2023": (
        "Bates S, Hastie T, Tibshirani R. Cross-validation: what does it estimate and how well does it do it? "
        "Journal of the American Statistical Association, 2023."
    ),
    "max_se": "A heuristic of this project, not from the literature; see its simulated coverage in the documentation.",
}
