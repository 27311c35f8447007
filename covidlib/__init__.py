"""covidlib: the code behind a book that replicates one paper on finding COVID-19 in chest CT.

Importing the package does not import TensorFlow: only the modules that need it do (networks, training, heat maps, and
the diagnosis of a folder). It is a teaching and replication kit, not a medical device.
"""

__version__ = "0.1.0"
