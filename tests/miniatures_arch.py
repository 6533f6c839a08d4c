"""Miniatures of ARCH's twelve datasets, of ESC-10 and of the Free Spoken Digit Dataset."""

import json
from itertools import count, product
from pathlib import Path

from miniature import Expected, Miniature, sound, text

# Environmental sounds ------------------------------------------------------------------------------------------------


def esc50(root: Path) -> None:
    """Three classes, two clips in each fold, table through a spreadsheet: CRLF, TRUE and FALSE."""
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for fold, (target, name, ten), take in product(
        (1, 2, 3, 4, 5), ((0, "dog", "TRUE"), (1, "rooster", "True"), (3, "cow", "FALSE")), "AB"
    ):
        source = f"{fold}00{target}"
        file = f"{fold}-{source}-{take}-{target}.wav"
        rows.append(f"{file},{fold},{target},{name},{ten},{source},{take}")
        sound(root / "ESC-50-master/audio" / file, 0.2, 44100, seed=len(rows))
    text(root / "ESC-50-master/meta/esc50.csv", *rows, end="\r\n")
    sound(root / "ESC-50-master/tests/other.wav")


def esc10(root: Path) -> None:
    """The old layout: folders with spaces, Ogg Vorbis; two classes, five folds, two recordings in each."""
    for (number, name), fold, source in product(((1, "Dog bark"), (10, "Fire crackling")), range(1, 6), (71, 82)):
        sound(
            root / f"{number:03} - {name}" / f"{fold}-{source}{fold}{number}-A.ogg",
            0.2,
            44100,
            seed=fold * source + number,
        )
    text(root / "README.txt", "about it")


def urbansound8k(root: Path) -> None:
    """Ten folds, two classes; 24 bit, float, ADPCM, 8 bit, stereo, odd rates; .DS_Store in each fold's folder."""
    kinds = [
        ("PCM_24", 48000, 2),
        ("FLOAT", 44100, 2),
        ("MS_ADPCM", 44100, 1),
        ("PCM_U8", 11025, 1),
        ("PCM_16", 96000, 2),
    ]
    top = root / "UrbanSound8K"
    rows = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    for fold, (number, name) in product(range(1, 11), ((3, "dog_bark"), (9, "street_music"))):
        source = 1000 + fold * 10 + number
        file = f"{source}-{number}-0-{fold}.wav"
        rows.append(f"{file},{source},4.5,8.5,1,{fold},{number},{name}")
        subtype, rate, channels = kinds[fold % 5]
        sound(top / f"audio/fold{fold}" / file, 0.05 if fold == 1 else 0.2, rate, len(rows), channels, subtype)
        text(top / f"audio/fold{fold}/.DS_Store", "")
    text(top / "metadata/UrbanSound8K.csv", *rows)


def fsd50k(root: Path) -> None:
    """No top folder; several labels in one quoted field; a vocabulary without header; names without suffix."""
    text(
        root / "FSD50K.ground_truth/vocabulary.csv",
        "0,Bathtub_(filling_or_washing),/m/03dnzn",
        "1,Electric_guitar,/m/02sgy",
        "2,Hi-hat,/m/03qtq",
        "3,Music,/m/04rlf",
        end="\r\n",
    )
    dev = ['64760,"Electric_guitar,Music","/m/02sgy,/m/04rlf",train', '16399,"Hi-hat,Music","/m/03qtq,/m/04rlf",train']
    dev += ["99,Bathtub_(filling_or_washing),/m/03dnzn,train", "100,Bathtub_(filling_or_washing),/m/03dnzn,val"]
    dev += ['101,"Hi-hat,Music","/m/03qtq,/m/04rlf",val']
    text(root / "FSD50K.ground_truth/dev.csv", "fname,labels,mids,split", *dev)
    rows = ['37199,"Electric_guitar,Music","/m/02sgy,/m/04rlf"', "37200,Bathtub_(filling_or_washing),/m/03dnzn"]
    text(root / "FSD50K.ground_truth/eval.csv", "fname,labels,mids", *rows, '37201,"Hi-hat,Music","/m/03qtq,/m/04rlf"')
    for seed, name in enumerate(("64760", "16399", "99", "100", "101")):
        sound(root / f"FSD50K.dev_audio/{name}.wav", 0.3, 44100, seed)
    for seed, name in enumerate(("37199", "37200", "37201"), start=10):
        sound(root / f"FSD50K.eval_audio/{name}.wav", 0.3, 44100, seed)


# Voices --------------------------------------------------------------------------------------------------------------


def vivae(root: Path) -> None:
    """Eleven speakers, three emotions; items of one, two and three digits; the core set holds copies."""
    seeds = count()
    for speaker, emotion in product(range(1, 12), ("anger", "fear", "surprise")):
        item = ("7", "03", "011")[speaker % 3]
        name = f"S{speaker:02}_{emotion}_{'peak' if speaker % 2 else 'low'}_{item}.wav"
        sound(root / "VIVAE/full_set" / name, 0.2, 44100, next(seeds))
        if speaker == 1:
            sound(root / "VIVAE/core_set" / name, 0.2, 44100, 0)


def ravdess(root: Path) -> None:
    """No top folder; twelve actors, two emotions, two takes; one clip in stereo; the copy of Kaggle's archive inside."""
    seeds = count()
    for actor, emotion, take in product(range(1, 13), ("01", "08"), ("01", "02")):
        name = f"Actor_{actor:02}/03-01-{emotion}-01-01-{take}-{actor:02}.wav"
        sound(root / name, 0.2, 48000, next(seeds), channels=2 if (actor, emotion, take) == (1, "08", "01") else 1)
        if actor == 1:
            sound(root / "audio_speech_actors_01-24" / name, 0.2, 48000, 0)


def audiomnist(root: Path) -> None:
    """Two speakers of each fold, two digits, two takes; a stray file; the speakers' JSON."""
    top = root / "AudioMNIST-master"
    for speaker, digit, take in product(("12", "04", "26", "05", "28", "01", "36", "02", "43", "55"), "07", (0, 49)):
        sound(top / f"data/{speaker}/{digit}_{speaker}_{take}.wav", 0.1, 48000, int(speaker) * 100 + int(digit) + take)
    text(top / "data/36/notes.txt", "a stray file")
    text(top / "data/audioMNIST_meta.txt", json.dumps({"01": {"age": 30}, "45": {"age": "1234"}}))


def slurp(root: Path) -> None:
    """JSON lines with nested recordings; a double dash; both microphones; an intent without its scenario; synthetic lines."""

    def line(number: int, intent: str, scenario: str, action: str, *files: str) -> str:
        takes = [{"file": file, "wer": 0.0, "ent_wer": 0.0, "status": "correct"} for file in files]
        entry = {"slurp_id": number, "sentence": 'x, "y"', "intent": intent, "action": action, "scenario": scenario}
        return json.dumps({**entry, "tokens": [{"id": 0}], "recordings": takes, "entities": []})

    lines = {
        "train": [
            line(1, "weather_query", "weather", "query", "audio-1.flac", "audio-1-headset.flac"),
            line(2, "play_music", "play", "music", "audio--2.flac"),
        ],
        "devel": [
            line(3, "query", "weather", "query", "audio-3-headset.flac"),
            line(4, "play_music", "play", "music", "audio-4.flac"),
        ],
        "test": [
            line(5, "weather_query", "weather", "query", "audio-5.flac"),
            line(6, "play_music", "play", "music", "audio-6-headset.flac"),
            line(7, "post", "social", "post", "audio-7.flac"),
        ],
        "train_synthetic": [line(8, "play_music", "play", "music", "audiosynth-8.flac")],
    }
    for name, entries in lines.items():
        text(root / f"{name}.jsonl", *entries)
    for seed, name in enumerate(("1", "1-headset", "-2", "3-headset", "4", "5", "6-headset", "7")):
        sound(root / f"slurp_real/audio-{name}.flac", 0.2, 16000, seed)


def emovo(root: Path) -> None:
    """Six speakers, two emotions, two sentences, stereo; a document beside the speakers' folders."""
    for seed, (speaker, emotion, sentence) in enumerate(
        product(("f1", "f2", "f3", "m1", "m2", "m3"), ("dis", "tri"), ("b1", "n5"))
    ):
        sound(root / f"EMOVO/{speaker}/{emotion}-{speaker}-{sentence}.wav", 0.2, 48000, seed, channels=2)
    text(root / "EMOVO/documents/readme.txt", "about it")
    sound(root / "EMOVO/documents/dis-f1-b1.wav")


def fsdd(root: Path) -> None:
    """Two speakers, two digits, seven takes, of which 0 to 4 test."""
    for seed, (digit, speaker, take) in enumerate(product("07", ("george", "lucas"), range(7))):
        name = f"free-spoken-digit-dataset-master/recordings/{digit}_{speaker}_{take}.wav"
        sound(root / name, 0.1 + 0.05 * take, 8000, seed)


# Music ---------------------------------------------------------------------------------------------------------------


def fma_small(root: Path) -> None:
    """Three header lines; ids without leading zeros; rows of other subsets; MP3; a genre with a hyphen; README and checksums."""
    rows = [",album,artist,set,set,track,track", ",title,id,split,subset,genre_top,title", "track_id,,,,,,"]
    seeds = count()
    parts = ["training"] * 4 + ["validation"] * 2 + ["test"] * 2
    for artist, (genre, (index, part)) in enumerate(product(("Hip-Hop", "Rock"), enumerate(parts))):
        track = 2 + index if genre == "Hip-Hop" else 99130 + index
        rows.append(f'{track},"An album, with a comma",{artist},{part},small,{genre},"two\nlines"')
        path = root / f"fma_small/{track // 1000:03}/{track:06}.mp3"
        sound(path, 0.3, 44100, next(seeds), channels=2)
        if track == 99134:
            path.write_bytes(b"")  # as published: nothing that can be decoded
    rows += ["20,x,90,training,medium,Rock,x", "21,x,91,training,large,,x"]
    text(root / "fma_metadata/tracks.csv", *rows)
    text(root / "fma_small/README.txt", "about it")
    text(root / "fma_small/checksums", "ade1  000/000002.mp3")


# musicnn's order, as datasets.md gives it
TOP50 = """guitar, classical, slow, techno, strings, drums, electronic, rock, fast, piano, ambient, beat, violin, vocal, synth,
female, indian, opera, male, singing, vocals, no vocals, harpsichord, loud, quiet, flute, woman, male vocal, no vocal, pop, soft,
sitar, solo, man, classic, choir, voice, new age, dance, male voice, female vocal, beats, harp, cello, no voice, weird, country,
metal, female voice, choral""".replace("\n", " ").split(", ")


def magnatagatune(root: Path) -> None:
    """Tabs, quotes, a column a tag in another order, tags that do not count, clips without any, a clip that is known bad."""
    clips = {
        "2": (("guitar", "no voice"), "0/a-b-01-song_one-30-59.mp3"),
        "6": (("beats",), "b/a-b-02-song_two-0-29.mp3"),
        "7": (("guitar",), "b/a-b-02-song_two-30-59.mp3"),
        "8": (("guitar", "beats"), "c/c-d-01-x-0-29.mp3"),
        "9": (("bongos",), "c/c-d-01-x-30-59.mp3"),
        "10": (("guitar",), "d/e-f-01-x-0-29.mp3"),
        "11": (("beats",), "f/e-f-03-x-0-29.mp3"),
        "35644": (("guitar",), "6/norine_braun-now_and_zen-08-gently-117-146.mp3"),
    }
    columns = ["bongos", *sorted(TOP50)]
    rows = ["\t".join(f'"{name}"' for name in ("clip_id", *columns, "mp3_path"))]
    for seed, (number, (tags, path)) in enumerate(clips.items()):
        rows.append("\t".join(f'"{value}"' for value in (number, *(int(tag in tags) for tag in columns), path)))
        sound(root / path, 0.3, 16000, seed)
    (root / clips["35644"][1]).write_bytes(b"")
    text(root / "annotations_final.csv", *rows)


def irmas(root: Path) -> None:
    """Two patterns of names, a genre that is called like an instrument, spaces, brackets and an accent; part 2 lies elsewhere."""
    seeds = count()
    for label, song, excerpt in product(("cel", "cla", "voi"), range(1, 8), (1, 2)):
        name = (
            f"[{label}][cla]{song:04}__{excerpt}.wav"
            if song < 5
            else f"03{song}__[{label}][nod][cla]{song:04}__{excerpt}.wav"
        )
        sound(root / f"IRMAS-TrainingData/{label}" / name, 0.2, 44100, next(seeds), channels=2)
    text(root / "IRMAS-TrainingData/README.txt", "about it")
    tests = {
        "IRMAS-TestingData-Part1/Part1/(02) dont kill the whale-1": ("cel", "voi"),
        "IRMAS-TestingData-Part1/Part1/(02) dont kill the whale-5": ("cla",),
        "IRMAS-TestingData-Part2/IRTestingData-Part2/café [live]. take-3": ("cla", "cel", "voi"),
        "IRMAS-TestingData-Part3/Part3/it's over-12": ("voi",),
    }
    for stem, labels in tests.items():
        sound(root / f"{stem}.wav", 0.3, 44100, next(seeds), channels=2)
        text(root / f"{stem}.txt", *(f"{label}\t" for label in labels))


def medley_solos_db(root: Path) -> None:
    """Audio without a folder in its archive, of 32-bit floats; the path is made of three columns."""
    rows = ["subset,instrument,instrument_id,song_id,uuid4"]
    names = ((0, "clarinet"), (2, "female singer"), (4, "piano"))
    for seed, (subset, (number, name), take) in enumerate(product(("training", "validation", "test"), names, (0, 1))):
        uuid = f"d07b1fc0-567d-52c2-fef4-{seed:012}"
        rows.append(f"{subset},{name},{number},{seed},{uuid}")
        sound(root / f"audio/Medley-solos-DB_{subset}-{number}_{uuid}.wav", 0.2, 44100, seed, subtype="FLOAT")
    text(root / "Medley-solos-DB_metadata.csv", *rows)


URBAN = (
    "air_conditioner car_horn children_playing dog_bark drilling engine_idling gun_shot jackhammer siren street_music"
)
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
GENRES = ("Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental", "International", "Pop", "Rock")
ALL_GENRES = ("Blues", "Classical", "Country", "Easy Listening", "Electronic", "Experimental", "Folk", "Hip-Hop")
ALL_GENRES += ("Instrumental", "International", "Jazz", "Old-Time / Historic", "Pop", "Rock", "Soul-RnB", "Spoken")
INSTRUMENTS = (
    "clarinet",
    "distorted electric guitar",
    "female singer",
    "flute",
    "piano",
    "tenor saxophone",
    "trumpet",
    "violin",
)
FIVE = {str(fold): 4 for fold in range(1, 6)}
FMA = {"fma_small/000/000002.mp3": ("Hip-Hop",), "fma_small/099/099137.mp3": ("Rock",)}
FMA_SPLITS = {"training": 8, "validation": 4, "test": 4}
IRMAS_TRAIN = {
    "IRMAS-TrainingData/cel/[cel][cla]0001__1.wav": ("cel",),
    "IRMAS-TrainingData/cla/037__[cla][nod][cla]0007__2.wav": ("cla",),
}
IRMAS_CLASSES = ("cel", "cla", "flu", "gac", "gel", "org", "pia", "sax", "tru", "vio", "voi")
SLURP = {"slurp_real/audio--2.flac": ("play_music",), "slurp_real/audio-1-headset.flac": ("weather_query",)}

MINIATURES: dict[str, Miniature] = {
    "esc50": Miniature(
        esc50,
        Expected(
            30,
            ("cow", "dog", "rooster"),
            {"audio/1-1000-A-0.wav": ("dog",), "audio/5-5003-B-3.wav": ("cow",)},
            folds={str(fold): 6 for fold in range(1, 6)},
            groups=15,
        ),
        {"esc10": Expected(20, ("dog", "rooster"), {"audio/2-2001-B-1.wav": ("rooster",)}, folds=FIVE, groups=10)},
    ),
    "esc10": Miniature(
        esc10,
        Expected(
            20,
            ("crackling_fire", "dog"),
            {"001 - Dog bark/1-7111-A.ogg": ("dog",), "010 - Fire crackling/5-82510-A.ogg": ("crackling_fire",)},
            folds=FIVE,
            groups=20,
        ),
    ),
    "urbansound8k": Miniature(
        urbansound8k,
        Expected(
            20,
            tuple(URBAN.split()),
            {"audio/fold1/1013-3-0-1.wav": ("dog_bark",), "audio/fold10/1109-9-0-10.wav": ("street_music",)},
            folds={str(fold): 2 for fold in range(1, 11)},
            groups=20,
        ),
    ),
    "fsd50k": Miniature(
        fsd50k,
        Expected(
            8,
            ("Bathtub_(filling_or_washing)", "Electric_guitar", "Hi-hat", "Music"),
            {
                "FSD50K.dev_audio/64760.wav": ("Electric_guitar", "Music"),
                "FSD50K.eval_audio/37200.wav": ("Bathtub_(filling_or_washing)",),
            },
            splits={"train": 3, "val": 2, "test": 3},
        ),
    ),
    "vivae": Miniature(
        vivae,
        Expected(
            33,
            ("achievement", "anger", "fear", "pain", "pleasure", "surprise"),
            {"full_set/S01_anger_peak_03.wav": ("anger",), "full_set/S11_surprise_peak_011.wav": ("surprise",)},
            groups=11,
        ),
    ),
    "fma_small": Miniature(
        fma_small,
        Expected(16, GENRES, FMA, splits=FMA_SPLITS, groups=16),
        {"all_genres": Expected(16, ALL_GENRES, FMA, splits=FMA_SPLITS)},
    ),
    "magnatagatune": Miniature(
        magnatagatune,
        Expected(
            6,
            tuple(TOP50),
            {"0/a-b-01-song_one-30-59.mp3": ("guitar", "no voice"), "c/c-d-01-x-0-29.mp3": ("guitar", "beats")},
            splits={"train": 3, "valid": 1, "test": 2},
            groups=5,
        ),
    ),
    "irmas": Miniature(
        irmas,
        Expected(
            46,
            IRMAS_CLASSES,
            {
                **IRMAS_TRAIN,
                "IRMAS-TestingData-Part2/IRTestingData-Part2/café [live]. take-3.wav": ("cla", "cel", "voi"),
                "IRMAS-TestingData-Part3/Part3/it's over-12.wav": ("voi",),
            },
            splits={"train": 42, "test": 4},
            groups=24,
        ),
        {"without_part2": Expected(45, IRMAS_CLASSES, IRMAS_TRAIN, splits={"train": 42, "test": 3})},
    ),
    "medley_solos_db": Miniature(
        medley_solos_db,
        Expected(
            18,
            INSTRUMENTS,
            {"audio/Medley-solos-DB_validation-2_d07b1fc0-567d-52c2-fef4-000000000008.wav": ("female singer",)},
            splits={"training": 6, "validation": 6, "test": 6},
            groups=18,
        ),
    ),
    "ravdess": Miniature(
        ravdess,
        Expected(
            48,
            EMOTIONS,
            {
                "Actor_01/03-01-08-01-01-01-01.wav": ("surprised",),
                "Actor_12/03-01-01-01-01-02-12.wav": ("neutral",),
            },
            groups=12,
        ),
    ),
    "audiomnist": Miniature(
        audiomnist,
        Expected(
            40,
            ("0", "7"),
            {"data/04/7_04_49.wav": ("7",)},
            folds={str(fold): 8 for fold in range(5)},
            groups=10,
        ),
    ),
    "slurp": Miniature(
        slurp,
        Expected(
            8,
            ("play_music", "social_post", "weather_query"),
            {
                **SLURP,
                "slurp_real/audio-3-headset.flac": ("weather_query",),
                "slurp_real/audio-7.flac": ("social_post",),
            },
            splits={"train": 3, "devel": 2, "test": 3},
        ),
        {
            "intent": Expected(
                8,
                ("play_music", "post", "query", "weather_query"),
                {**SLURP, "slurp_real/audio-3-headset.flac": ("query",)},
                splits={"train": 3, "devel": 2, "test": 3},
            ),
            "headset": Expected(
                3,
                ("play_music", "weather_query"),
                {"slurp_real/audio-6-headset.flac": ("play_music",)},
                splits={"train": 1, "devel": 1, "test": 1},
            ),
            "distant": Expected(
                5,
                ("play_music", "social_post", "weather_query"),
                {"slurp_real/audio-4.flac": ("play_music",)},
                splits={"train": 2, "devel": 1, "test": 2},
            ),
        },
    ),
    "emovo": Miniature(
        emovo,
        Expected(
            24,
            ("disgust", "joy", "neutral", "fear", "anger", "surprise", "sadness"),
            {"f1/dis-f1-b1.wav": ("disgust",), "m3/tri-m3-n5.wav": ("sadness",)},
            groups=6,
        ),
    ),
    "fsdd": Miniature(
        fsdd,
        Expected(
            28,
            ("0", "7"),
            {"recordings/7_lucas_6.wav": ("7",)},
            splits={"test": 20, "train": 8},
            groups=2,
        ),
    ),
}
