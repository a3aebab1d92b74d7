/// A tool that the end-to-end tests need and did not find on this machine.
///
/// Thrown, so that the test fails: a suite that passes without its tools proves nothing.
public struct MissingPart: Error, CustomStringConvertible {
    public let description: String

    public init(_ what: String, remedy: String) {
        description = "\(what) is missing, and this test does not pass without it: \(remedy)"
    }
}
