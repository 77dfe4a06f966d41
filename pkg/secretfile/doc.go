// Package secretfile reads and writes the files in which secrets travel: .env files, JSON
// and YAML, manifests of Kubernetes, what a shell and docker read, and what other stores
// of secrets export. It is pure: bytes go in and come out, the caller does the I/O.
//
//   - What is written is read back as exactly the same bytes, or it is refused, by the
//     name of its key.
//   - What is read is what the file says. Where a tool would guess (an undefined variable,
//     a key that stands twice, a value that is null, a file that ends too early), Read
//     refuses, and gives no part of the file.
//   - No error and no warning holds a value or a part of one. Messages of the libraries
//     that parse are not passed on, because they quote what they stumble over.
package secretfile
