"""Every interval, test and correction of the study, once, each with its source."""
