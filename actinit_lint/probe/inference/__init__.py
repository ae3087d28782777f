"""From a loaded module to models that can be built and inputs they accept."""
