"""Starting and watching the ranks: one process, or several joined by Horovod on Spark."""
