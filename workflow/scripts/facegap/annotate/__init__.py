"""Stage annotate: the labels of the boundary that people, or the data set itself, give to faces.

own: labels that a data set carries. sample: the faces that people label. simulated: annotators of
drawn faces. merge: several people's answers as one label. agreement: how far they agree. publish:
a folder of labels to give to others.
"""
