"""Write the model card and the picture of every published run again, from what is published.

    python experiments/cards.py

`python main.py --publish` writes both beside a run; this brings them up to date when the form of
the card or of the picture has changed. Trains nothing, draws nothing new.
"""

import pcnnlib_startup

with pcnnlib_startup.without_chatter():
    from pcnnlib import runs
    from pcnnlib.cli.publish import write_figure


def main():
    for name in runs.list_runs():
        run = runs.read_run(name)
        if "weights" in run:
            run_dir = runs.runs_dir() / name
            write_figure(run_dir, runs.read_examples(name), run["model"]["levels"])
            runs.write_card(run_dir, name, run)
            print(run_dir / runs.CARD)


if __name__ == "__main__":
    main()
