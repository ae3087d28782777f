import keras
import numpy as np
from keras import layers, ops

vocabulary_size = 1000
num_tags = 20

title = keras.Input(shape=(None,), name="title", dtype="int32")
tags = keras.Input(shape=(num_tags,), name="tags")

title_features = layers.Embedding(vocabulary_size, 32)(title)
title_features = layers.LSTM(32)(title_features)
x = layers.concatenate([title_features, tags])
priority = layers.Dense(1, activation="sigmoid", name="priority")(x)
department = layers.Dense(4, activation="softmax", name="department")(x)

model = keras.Model(inputs=[title, tags], outputs=[priority, department])
model.compile(optimizer="rmsprop", loss=["binary_crossentropy", "categorical_crossentropy"])
model.fit([np.zeros((10, 5)), np.zeros((10, num_tags))], [np.zeros((10, 1)), np.zeros((10, 4))])


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)

    def call(self, inputs, training=None):
        attn_output = self.dropout1(self.att(inputs, inputs), training=training)
        out1 = self.layernorm1(inputs + attn_output)
        return self.layernorm2(out1 + self.ffn(out1))


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        positions = ops.arange(0, ops.shape(x)[-1], 1)
        return self.token_emb(x) + self.pos_emb(positions)
