/// The former name of ``BoundedFile`` for files that a flag names.
package typealias LocalFile = BoundedFile

extension BoundedFile {
    package static func check(_ path: String, flag: String) throws(UsageError) {
        try requireReadable(path, flag: flag)
    }
}
