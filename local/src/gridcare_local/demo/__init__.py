"""The main job on a running stack: load a made-up town, publish a planned cut, watch it told, and balance the books."""
