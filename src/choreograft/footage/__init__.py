"""What is read of videos and fitted to them, once, for every verb: clips, what of them is learned from, bodies."""
