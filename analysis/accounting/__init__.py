"""Where every planned fold fit of a run is: done, failed with its reason, or pruned with its evidence; and what is not.

account("runs/ham10000-screen").violations     # empty, whatever crashed while it ran
"""

from analysis.accounting.account import Account, account, account_of, wanted_keys
from analysis.accounting.findings import FitAccount, Violation

__all__ = ["Account", "FitAccount", "Violation", "account", "account_of", "wanted_keys"]
