"""Where jobs are done: by processes of this machine, or of a cluster."""
