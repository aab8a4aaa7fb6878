"""A data race: two threads add to one tensor. The thread sanitizer has to report it."""

import threading

import wengert as wg

if __name__ == "__main__":
    total = wg.zeros(600, 600)
    threads = [
        threading.Thread(target=lambda: [total.add_(1) for _ in range(20)]) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
