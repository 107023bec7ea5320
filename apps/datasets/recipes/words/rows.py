"""Words of the steps that decide about whole rows."""

from apps.datasets.recipes.words.base import Choices, StepWords, Words

STEPS: dict[str, StepWords] = {
    "drop_duplicates": StepWords(
        Words(
            "Drop duplicates",
            "Of rows with equal content one stays, the earliest unless told otherwise.",
            "删除重复行",
            "内容相同的行只保留一行，默认保留最早的一行。",
        ),
        {
            "columns": Words(
                "Columns",
                "Columns that make two rows equal. Left empty, all of them.",
                "列",
                "用于判断两行是否相同的列。留空表示全部列。",
            ),
            "keep": Words("Keep", "Which of equal rows stays.", "保留", "相同的行中保留哪一行。"),
            "by": Words(
                "Largest of",
                "The column whose largest value decides; of equal values the earliest row stays.",
                "最大值所在列",
                "由该列的最大值决定；值相同时保留最早的一行。",
            ),
        },
    ),
    "near_duplicate_text": StepWords(
        Words(
            "Drop nearly equal text",
            "Of texts that share most of their parts the earliest stays, found by MinHash.",
            "删除近似重复文本",
            "对于大部分内容相同的文本，只保留最早的一条，以 MinHash 查找。",
        ),
        {
            "column": Words("Column", "The text that is compared.", "列", "要比较的文本列。"),
            "similarity": Words(
                "Similarity",
                "The share of common parts, estimated, from which on two texts are nearly equal.",
                "相似度",
                "估计的共同片段比例达到该值时视为近似重复。",
            ),
            "unit": Words("Parts are of", "What a text is cut into.", "片段单位", "文本按什么切分。"),
            "shingle": Words(
                "Length of a part", "So many characters or words in a row.", "片段长度", "连续的字符数或词数。"
            ),
            "permutations": Words(
                "Hashes", "More of them estimate closer and take longer.", "哈希个数", "越多估计越准，耗时也越长。"
            ),
            "ignore_case": Words(
                "Ignore case", "Case and blanks do not tell texts apart.", "忽略大小写", "大小写与空白不作区分。"
            ),
            "seed": Words("Seed", "Another number hashes otherwise.", "随机种子", "不同的数字会得到不同的哈希。"),
        },
    ),
    "near_duplicate_images": StepWords(
        Words(
            "Drop nearly equal images",
            "Of images that look alike the earliest stays, told by a perceptual hash.",
            "删除近似重复图像",
            "对于看起来相似的图像，只保留最早的一张，以感知哈希判断。",
        ),
        {
            "column": Words("Column", "The perceptual hash of the images.", "列", "图像的感知哈希列。"),
            "distance": Words(
                "Distance",
                "Of 64 bits so many may differ; 0 takes only equal hashes.",
                "距离",
                "64 位中允许不同的位数；0 表示哈希必须相同。",
            ),
        },
    ),
}
CHOICES: Choices = {
    "first": ("The earliest", "最早的一行"),
    "last": ("The latest", "最晚的一行"),
    "largest": ("That with the largest value", "取值最大的一行"),
    "characters": ("Characters", "字符"),
    "words": ("Words", "词"),
}
