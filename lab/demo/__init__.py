"""The demo: the main job told as a story, on loopback, by an ordinary user (`make demo`)."""
