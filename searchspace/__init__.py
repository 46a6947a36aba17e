"""What to search and how: study files, the grid, the Ray Tune driver and the command line."""
