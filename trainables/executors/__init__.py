"""The ways to run trials. Each gives the same predictions for the same fold fit."""
