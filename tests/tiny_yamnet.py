"""Writes a tiny SavedModel with YAMNet's signature and padding; run as `python tiny_yamnet.py FOLDER`.

In a process of its own, for TensorFlow, once imported, changes how modules are asked in the rest of a test run.
"""

import sys

import tensorflow as tf


class TinyYamnet(tf.Module):
    """Sums over the bands of patches instead of MobileNet; padding and answers as the published one's."""

    def __init__(self, width=1024, seed=5):
        super().__init__()
        self.kernel = tf.Variable(tf.random.stateless_normal((64, width), seed=(3, seed)), name="kernel")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def __call__(self, waveform):
        n_samples = tf.shape(waveform)[0]
        after_the_first = tf.maximum(n_samples, 15600) - 15600
        n_hops = tf.cast(tf.math.ceil(tf.cast(after_the_first, tf.float32) / 7680.0), tf.int32)
        padded = tf.pad(waveform, [[0, 15600 + 7680 * n_hops - n_samples]])
        spectra = tf.abs(tf.signal.stft(padded, 400, 160, 512))
        log_mel = tf.math.log(spectra @ tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125.0, 7500.0) + 0.001)
        patches = tf.signal.frame(log_mel, 96, 48, axis=0)  # (n_patches, 96, 64)
        embeddings = tf.nn.relu(tf.reduce_mean(patches, axis=1) @ self.kernel)
        return tf.sigmoid(embeddings[:, :521]), embeddings, log_mel


def save(folder, **shape):
    """The SavedModel at `folder`."""
    network = TinyYamnet(**shape)
    tf.saved_model.save(network, str(folder), signatures=network.__call__.get_concrete_function())


if __name__ == "__main__":
    save(sys.argv[1])
