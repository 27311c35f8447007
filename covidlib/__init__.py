"""covidlib: the code behind a book that replicates one paper on finding COVID-19 in chest CT.

It is a teaching and replication kit, not a medical device. The stations of the paper, and what serves them:

- `scans`, `selection`, `datasets`: slices on disk, the slice-selection threshold, tables of slices (sections 2.1, 2.2);
- `phantom`: the synthetic cohort;
- `networks`, `training`, `protocols`: the three networks and five-fold training (sections 2.3, 2.4);
- `results`: results on slices, from tables of predictions (section 3.1);
- `inference`, `patients`: trained networks at work, the decision about a patient (section 3.2);
- `heatmaps`: Grad-CAM and its scores (section 3.3);
- `paper`, `audit`, `claims`: the printed numbers, all recomputed, beside ours;
- `pitfalls`: what goes wrong in studies like this one;
- `plotting`, `teaching`, `workspace`: figures, exercises and explorers, how a notebook begins;
- `cli`, `utils`, `errors`, `names`: the command, and what all others use.

Importing the package or one of these is instant; TensorFlow is loaded by the first use.
"""

__version__ = "0.1.0"
