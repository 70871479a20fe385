"""Who: rules, segments and the watch that keeps them true, scores and lifecycle stages."""
