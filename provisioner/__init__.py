"""A machine specification to a running virtual machine; knows neither tickets nor mail."""
