/// What did not come about in time.
public struct NotInTime: Error, CustomStringConvertible {
    public let description: String
}

/// Waits until a condition holds.
///
/// - Parameters:
///   - what: the condition in words, for the error.
///   - limit: generous, because a loaded machine is no defect; it ends only what would never end.
/// - Throws: ``NotInTime``, with what `detail` says then; or what the condition throws.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), detail: () -> String = { "" },
    _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while try await !condition() {
        guard clock.now < deadline else {
            throw NotInTime(description: "not within \(limit): \(what) \(detail())")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
