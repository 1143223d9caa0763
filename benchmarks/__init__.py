"""Speed and memory as numbers anyone can repeat: each next to a floor measured in the same run. `./bench` runs them all."""
