"""Starting, watching and stopping the programs of `oxywatch run`."""
