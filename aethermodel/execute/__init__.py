"""Run code in processes that are fresh and yet start fast: forks, kernels, notebooks."""
