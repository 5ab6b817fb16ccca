"""The main job on a running stack: load a made-up town, publish a cut, wait until all are told, balance the books."""
