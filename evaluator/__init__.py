"""Probe any HEAR module on bioacoustic, ARCH, HEAR and your own tasks, under the published protocols."""
