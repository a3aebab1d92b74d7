import Foundation
import Testing

/// Compares text with a file of the folder `Golden` beside the test, byte for byte.
///
/// `BUILDINFO_UPDATE_GOLDEN=1` rewrites the files in the source tree; review the difference before you commit it.
enum Golden {
    static func expect(_ text: String, _ name: String, source: String = #filePath) throws {
        let folder = URL(fileURLWithPath: source).deletingLastPathComponent().appendingPathComponent("Golden")
        let file = folder.appendingPathComponent(name)
        if ProcessInfo.processInfo.environment["BUILDINFO_UPDATE_GOLDEN"] == "1" {
            try Data(text.utf8).write(to: file)
            Issue.record("wrote \(name): look at it, and run again without BUILDINFO_UPDATE_GOLDEN")
        }
        let expected = try String(decoding: Data(contentsOf: file), as: UTF8.self)
        #expect(text == expected, "differs from \(name)")
    }
}
