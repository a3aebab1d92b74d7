import Foundation
import Transfer

/// The transfer engines of one session: a large fleet is shared among two threads, since one core's worth of libcurl is what
/// bounds a sweep.
enum TransferClients {
    /// Fleets up to this size are asked by one thread.
    private static let smallFleet = 2_000

    /// - Parameter keepsConnections: whether hosts are asked more than once.
    static func make(hosts: Int, concurrency: Int?, keepsConnections: Bool) throws(TransferClientError)
        -> [TransferClient]
    {
        let openFiles = OpenFiles.raiseLimit()
        let count = hosts > smallFleet && ProcessInfo.processInfo.activeProcessorCount > 1 && concurrency != 1 ? 2 : 1
        var limits = TransferLimits(
            openFiles: openFiles / count, concurrency: concurrency.map { max(1, $0 / count) })
        if !keepsConnections { limits.keptConnections = 0 }
        var engines: [TransferClient] = []
        for _ in 0..<count { engines.append(try TransferClient(limits: limits)) }
        return engines
    }

    static func shutdown(_ engines: [TransferClient]) async {
        for engine in engines { await engine.shutdown() }
    }
}
