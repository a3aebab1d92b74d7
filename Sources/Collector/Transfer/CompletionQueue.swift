import Synchronization

/// Finished transfers that wait for their reader, in batches.
final class CompletionQueue: Sendable {
    private struct State {
        var batch: [TransferCompletion] = []
        var bytes = 0
        var isFinished = false
        var isHoldingBack = false
        var reader: CheckedContinuation<[TransferCompletion]?, Never>?
    }

    private let state = Mutex(State())
    private let wakeup: WakeupDescriptor

    init(wakeup: WakeupDescriptor) {
        self.wakeup = wakeup
    }

    func publish(_ completions: [TransferCompletion]) {
        let reader = state.withLock { state -> CheckedContinuation<[TransferCompletion]?, Never>? in
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            state.batch.append(contentsOf: completions)
            for completion in completions { state.bytes += completion.size }
            return nil
        }
        reader?.resume(returning: completions)
    }

    /// Ends the queue: the reader gets what is left, and then the end.
    func finish() {
        let reader = state.withLock { state in
            state.isFinished = true
            return state.reader.take()
        }
        reader?.resume(returning: nil)
    }

    /// Bytes of bodies not yet taken. At `holdBack` or more, the transfer thread is woken once they are.
    func waitingBytes(holdBack limit: Int) -> Int {
        state.withLock { state in
            state.isHoldingBack = state.bytes >= limit
            return state.bytes
        }
    }

    /// The next batch, nil at the end or when the reading task is cancelled.
    func next() async -> [TransferCompletion]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Answer in
                    if !state.batch.isEmpty {
                        let batch = state.batch
                        let mustWake = state.isHoldingBack
                        state.batch = []
                        state.bytes = 0
                        state.isHoldingBack = false
                        return .batch(batch, mustWake: mustWake)
                    }
                    // One reader: a second one ends at once instead of displacing the first.
                    guard !state.isFinished, !Task.isCancelled, state.reader == nil else { return .end }
                    state.reader = continuation
                    return .later
                }
                switch answer {
                case .batch(let batch, let mustWake):
                    if mustWake { wakeup.wake() }
                    continuation.resume(returning: batch)
                case .end: continuation.resume(returning: nil)
                case .later: break
                }
            }
        } onCancel: {
            let reader = state.withLock { $0.reader.take() }
            reader?.resume(returning: nil)
        }
    }

    private enum Answer {
        case batch([TransferCompletion], mustWake: Bool)
        case end
        case later
    }
}

extension TransferCompletion {
    /// Bytes of its body.
    fileprivate var size: Int {
        switch outcome {
        case .success(let response): response.body.count
        case .failure: 0
        }
    }
}
