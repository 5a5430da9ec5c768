"""Stage annotate: what people, or the data set itself, say of a face's side of the boundary.

own: labels that a data set carries. sample: the faces that people label. simulated: annotators of
drawn faces. merge: several people's answers as one label. agreement: how far they agree.
"""
