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
        "Journal of the American Statistical Association 119(546), 1434-1445, 2024."
    ),
    "benjamini1995": (
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple "
        "testing. Journal of the Royal Statistical Society B 57(1), 289-300, 1995."
    ),
    "dietterich1998": (
        "Dietterich TG. Approximate statistical tests for comparing supervised classification learning algorithms. "
        "Neural Computation 10(7), 1895-1923, 1998."
    ),
    "bouthillier2021": (
        "Bouthillier X, Delaunay P, Bronzi M, et al. Accounting for variance in machine learning benchmarks. "
        "Proceedings of Machine Learning and Systems 3, 747-769, 2021."
    ),
    "fisher1935": "Fisher RA. The Design of Experiments. Oliver and Boyd, Edinburgh, 1935, section 21.",
    "wilcoxon1945": "Wilcoxon F. Individual comparisons by ranking methods. Biometrics Bulletin 1(6), 80-83, 1945.",
    "mcnemar1947": (
        "McNemar Q. Note on the sampling error of the difference between correlated proportions or percentages. "
        "Psychometrika 12(2), 153-157, 1947."
    ),
    "obuchowski1998": (
        "Obuchowski NA. On the comparison of correlated proportions for clustered data. "
        "Statistics in Medicine 17(13), 1495-1507, 1998."
    ),
    "pinheiro2000": "Pinheiro JC, Bates DM. Mixed-Effects Models in S and S-PLUS. Springer, New York, 2000.",
    "demsar2006": (
        "Demsar J. Statistical comparisons of classifiers over multiple data sets. "
        "Journal of Machine Learning Research 7, 1-30, 2006."
    ),
    "benavoli2016": (
        "Benavoli A, Corani G, Mangili F. Should we really use post-hoc tests based on mean-ranks? "
        "Journal of Machine Learning Research 17(5), 1-10, 2016."
    ),
    "welch1947": (
        "Welch BL. The generalization of 'Student's' problem when several different population variances are involved. "
        "Biometrika 34(1-2), 28-35, 1947."
    ),
    "obuchowski1997": (
        "Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics 53(2), 567-578, 1997."
    ),
    "wilson1927": (
        "Wilson EB. Probable inference, the law of succession, and statistical inference. "
        "Journal of the American Statistical Association 22(158), 209-212, 1927."
    ),
    "korn1998": (
        "Korn EL, Graubard BI. Confidence intervals for proportions with small expected number of positive counts "
        "estimated from survey data. Survey Methodology 24(2), 193-201, 1998."
    ),
    "guo2017": (
        "Guo C, Pleiss G, Sun Y, Weinberger KQ. On calibration of modern neural networks. "
        "Proceedings of Machine Learning Research 70, 1321-1330, 2017."
    ),
    "brier1950": (
        "Brier GW. Verification of forecasts expressed in terms of probability. "
        "Monthly Weather Review 78(1), 1-3, 1950."
    ),
    "field2007": (
        "Field CA, Welsh AH. Bootstrapping clustered data. Journal of the Royal Statistical Society B 69(3), 369-390, "
        "2007."
    ),
    "efron1987": (
        "Efron B. Better bootstrap confidence intervals. Journal of the American Statistical Association 82(397), "
        "171-185, 1987."
    ),
    "davison1997": (
        "Davison AC, Hinkley DV. Bootstrap Methods and their Application. Cambridge University Press, 1997."
    ),
    "hall1991": (
        "Hall P, Wilson SR. Two guidelines for bootstrap hypothesis testing. Biometrics 47(2), 757-762, 1991."
    ),
    "selvaraju2017": (
        "Selvaraju RR, Cogswell M, Das A, Vedantam R, Parikh D, Batra D. Grad-CAM: visual explanations from deep "
        "networks via gradient-based localization. IEEE International Conference on Computer Vision (ICCV), "
        "618-626, 2017."
    ),
    "zhou2016": (
        "Zhou B, Khosla A, Lapedriza A, Oliva A, Torralba A. Learning deep features for discriminative localization. "
        "Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition, 2921-2929, 2016."
    ),
    "watanabe2023": (
        "Watanabe S, Bansal A, Hutter F. PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary "
        "subspaces. International Joint Conference on Artificial Intelligence (IJCAI), 4389-4396, 2023."
    ),
    "hutter2014": (
        "Hutter F, Hoos H, Leyton-Brown K. An efficient approach for assessing hyperparameter importance. "
        "Proceedings of Machine Learning Research 32(1), 754-762, 2014."
    ),
    "godbole2023": "Godbole V, Dahl GE, Gilmer J, Shallue CJ, Nado Z. Deep Learning Tuning Playbook. 2023.",
    "max_se": (
        "A heuristic of this project, not from the literature; see its simulated coverage in the documentation."
    ),
    "efron1982": (
        "Efron B. The jackknife, the bootstrap and other resampling plans. Society for Industrial and Applied "
        "Mathematics, 1982."
    ),
    "carter2017": (
        "Carter AV, Schnepel KT, Steigerwald DG. Asymptotic behavior of a t-test robust to cluster heterogeneity. "
        "Review of Economics and Statistics 99(4), 698-709, 2017."
    ),
    "bengio2004": (
        "Bengio Y, Grandvalet Y. No unbiased estimator of the variance of k-fold cross-validation. Journal of Machine "
        "Learning Research 5, 1089-1105, 2004."
    ),
}
