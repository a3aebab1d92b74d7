/// The error for a condition that was not met in time.
public struct NotInTime: Error, CustomStringConvertible {
    public let description: String
}

/// Waits until a condition holds.
///
/// - Parameters:
///   - what: the condition in words, for the error.
///   - limit: generous, because a loaded machine is not a defect; it only ends endless waits.
/// - Throws: ``NotInTime`` with the text of `detail`, or the condition's error.
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
