#include "unit.h"

CU_TestInfo token_vectors_tests[] = {
	CU_TEST_INFO_NULL,
};
