import Dispatch

/// A thread for work that takes long or waits for a disk.
///
/// The threads of tasks are as few as the processor's cores, and work that holds one delays every task. With two cores, two
/// large reports would keep the ledger from being written at the same time.
package enum OwnThread {
    /// Runs the work on a thread of its own.
    package static func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            // Not a global queue: it has no more threads than tasks have, and work that waits for a disk keeps them.
            DispatchQueue(label: "own thread").async { continuation.resume(returning: work()) }
        }
    }
}
